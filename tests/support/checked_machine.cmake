# Cores with caches and a translation checker, no time.
add_library(nestwalk_checked_machine STATIC checked_machine.cpp)
target_include_directories(nestwalk_checked_machine PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(nestwalk_checked_machine
                      PUBLIC nestwalk::hypervisor nestwalk::lookup
                      PRIVATE nestwalk_warnings)
