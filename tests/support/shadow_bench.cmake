#Processors without time over native, nested and shadow tables.
add_library(nestwalk_shadow_bench STATIC shadow_bench.cpp)
    target_include_directories(nestwalk_shadow_bench PUBLIC ${PROJECT_SOURCE_DIR})
        target_link_libraries(nestwalk_shadow_bench PUBLIC
                                  nestwalk::hypervisor nestwalk::lookup PRIVATE nestwalk_warnings)
