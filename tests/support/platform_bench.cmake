# A platform with hand-made tables, for SystemC tests of timing and transport.
add_library(nestwalk_platform_bench STATIC platform_bench.cpp)
target_include_directories(nestwalk_platform_bench PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(nestwalk_platform_bench
                      PUBLIC nestwalk::sim nestwalk_test_support
                      PRIVATE nestwalk_warnings GTest::gtest nlohmann_json::nlohmann_json)
