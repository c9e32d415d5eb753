# The main of every SystemC test: nestwalk_test(FILE x_test.cpp SYSTEMC LINKS ...).
add_library(nestwalk_systemc_test_main OBJECT systemc_main.cpp)
target_include_directories(nestwalk_systemc_test_main PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(nestwalk_systemc_test_main PUBLIC nestwalk::systemc GTest::gtest
                                                 PRIVATE nestwalk_warnings)
