# What tests of several folders share: the second witness of the walk, tables by hand and at random.
# It includes value types of model/walk but links nothing of it: the witness is independent.
add_library(nestwalk_test_support STATIC
  hand_tables.cpp oracle.cpp oracle_codes.cpp oracle_entries.cpp oracle_host.cpp
  random_tables.cpp changing_tables.cpp)
target_include_directories(nestwalk_test_support PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(nestwalk_test_support PUBLIC nestwalk::arch nestwalk_stimulus
                      PRIVATE nestwalk_warnings)
