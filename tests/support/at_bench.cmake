# Timed modules behind initiators of non-blocking transactions, every connection checked.
add_library(nestwalk_at_bench STATIC at_bench.cpp at_initiator.cpp protocol_checker.cpp)
target_include_directories(nestwalk_at_bench PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(nestwalk_at_bench
                      PUBLIC nestwalk::tlm nestwalk_test_support
                      PRIVATE nestwalk_warnings GTest::gtest)
