# vl_stop() for tests that link a verilated module alone.
add_library(nestwalk_vl_stop OBJECT EXCLUDE_FROM_ALL vl_stop.cpp)
target_include_directories(nestwalk_vl_stop SYSTEM PRIVATE ${VERILATOR_ROOT}/include)
target_link_libraries(nestwalk_vl_stop PRIVATE GTest::gtest nestwalk_warnings)

# The L1 TLB alone, one library for each set of parameters.
function(nestwalk_tlb_test name)
  add_library(nestwalk_verilated_${name} STATIC EXCLUDE_FROM_ALL)
  nestwalk_verilate(nestwalk_verilated_${name} TOP l1_tlb PARAMETERS ${ARGN})
  nestwalk_test(FILE rtl_${name}_test.cpp LINKS nestwalk_verilated_${name} nestwalk_vl_stop nestwalk::lookup
                nestwalk_test_support TIMEOUT 60)
endfunction()
nestwalk_tlb_test(tlb -GEntries4k=16 -GWays4k=4 -GEntries2m=4 -GWays2m=2 -GEntries1g=2 -GWays1g=0)
nestwalk_tlb_test(tlb_tree -GEntries4k=12 -GWays4k=6 -GEntries2m=0 -GEntries1g=3 -GWays1g=0
                  -GIsTree=1)
nestwalk_tlb_test(tlb_whole -GEntries4k=8 -GWays4k=1 -GEntries2m=0 -GEntries1g=1 -GWays1g=1
                  -GKeepPieces=0)

# TLB and walker as one design.
add_library(nestwalk_verilated_tlb_walker STATIC EXCLUDE_FROM_ALL)
nestwalk_verilate(nestwalk_verilated_tlb_walker TOP tlb_walker PARAMETERS -GSlots=2 -GNtlbEntries=4
                  -GEntries4k=8 -GWays4k=2 -GEntries2m=4 -GWays2m=0 -GEntries1g=1 -GWays1g=1)
nestwalk_test(FILE rtl_tlb_walker_test.cpp LINKS nestwalk_verilated_tlb_walker nestwalk_vl_stop
              nestwalk::lookup nestwalk_test_support TIMEOUT 60)
