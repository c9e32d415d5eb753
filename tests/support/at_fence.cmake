# Invalidations during walks, for SystemC tests of non-blocking transport.
add_library(nestwalk_at_fence STATIC at_fence_bench.cpp at_fence_cases.cpp at_fence_judge.cpp
            at_fence_memory.cpp)
target_include_directories(nestwalk_at_fence PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(nestwalk_at_fence PUBLIC nestwalk_walk_expectations
                                        PRIVATE nestwalk_warnings)
