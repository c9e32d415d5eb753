# Work in a process of its own.
add_library(nestwalk_child STATIC child.cpp)
target_include_directories(nestwalk_child PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(nestwalk_child PRIVATE nestwalk_warnings GTest::gtest)
