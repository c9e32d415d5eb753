# Mmu and walker over a WordMemory, for SystemC tests of translation.
add_library(nestwalk_mmu_bench STATIC mmu_bench.cpp)
target_include_directories(nestwalk_mmu_bench PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(nestwalk_mmu_bench PUBLIC nestwalk::tlm PRIVATE nestwalk_warnings)
