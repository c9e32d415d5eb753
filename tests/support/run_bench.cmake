#Whole runs in processes of their own.
add_library(nestwalk_run_bench STATIC run_bench.cpp)
    target_include_directories(nestwalk_run_bench PUBLIC ${PROJECT_SOURCE_DIR})
        target_link_libraries(nestwalk_run_bench PUBLIC nestwalk::sim nestwalk_child PRIVATE
                                  nestwalk_warnings GTest::gtest nlohmann_json::nlohmann_json)
