# Random whole runs, and the two kinds of transport held against each other.
add_library(nestwalk_timing_comparison STATIC timing_comparison.cpp random_run.cpp)
target_include_directories(nestwalk_timing_comparison PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(nestwalk_timing_comparison
                      PUBLIC nestwalk_run_bench nestwalk::params
                      PRIVATE nestwalk_warnings nlohmann_json::nlohmann_json)
