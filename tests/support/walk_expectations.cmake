#Warm equals cold, for SystemC tests of translation.
add_library(nestwalk_walk_expectations STATIC walk_expectations.cpp)
    target_include_directories(nestwalk_walk_expectations PUBLIC ${PROJECT_SOURCE_DIR})
        target_link_libraries(nestwalk_walk_expectations PUBLIC nestwalk_mmu_bench
                                  nestwalk_test_support PRIVATE nestwalk_warnings)
