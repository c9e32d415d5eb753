nestwalk_test(FILE rtl_entry_decode_test.cpp LINKS nestwalk_verilated_entry_decode nestwalk::walk)
# nestwalk_walker_test(STEM SETS... [TIMEOUT seconds]): the sets that its cases open.
function(nestwalk_walker_test stem)
  cmake_parse_arguments(WALKER "" "TIMEOUT" "" ${ARGN})
  if(NOT WALKER_TIMEOUT)
    set(WALKER_TIMEOUT 60)
  endif()
  nestwalk_test(FILE ${stem}_test.cpp LINKS nestwalk_tb nestwalk_test_support
                TIMEOUT ${WALKER_TIMEOUT})
  list(TRANSFORM WALKER_UNPARSED_ARGUMENTS PREPEND nestwalk_walker_ OUTPUT_VARIABLE libraries)
  add_dependencies(${stem}_test ${libraries})
endfunction()
foreach(stem rtl_walker_random rtl_walker_update rtl_walker_timing rtl_walker_protocol rtl_scoreboard)
  nestwalk_walker_test(${stem} one_slot)
endforeach()
nestwalk_walker_test(rtl_walker_slots four_slots)
nestwalk_walker_test(rtl_walker_ntlb ntlb)
nestwalk_walker_test(rtl_walker_set one_slot four_slots)
nestwalk_test(FILE rtl_waves_test.cpp SYSTEMC
              LINKS nestwalk_tb nestwalk_test_support nestwalk_mmu_bench nestwalk_platform_bench
              TIMEOUT 60)
add_dependencies(rtl_waves_test nestwalk_walker_one_slot)
nestwalk_walker_test(rtl_walker_pwc_random pwc pwc_one_entry pwc_per_level guest_pwc host_pwc
                     everything TIMEOUT 180)
nestwalk_walker_test(rtl_walker_pwc pwc pwc_per_level)
nestwalk_walker_test(rtl_pwc_scoreboard pwc)
nestwalk_walker_test(rtl_walker_catalogue one_slot ntlb pwc pwc_per_level everything)
nestwalk_walker_test(rtl_walker_shadow one_slot pwc everything)
target_link_libraries(rtl_walker_shadow_test PRIVATE nestwalk_shadow_bench)
nestwalk_test(FILE rtl_walk_engines_test.cpp SYSTEMC
              LINKS nestwalk_tb nestwalk::cli nestwalk_test_support TIMEOUT 120)
add_dependencies(rtl_walk_engines_test nestwalk_walker_one_slot nestwalk_walker_one_restart
                 nestwalk_walker_pwc)
foreach(stem rtl_catalogue_walker rtl_catalogue_rights rtl_catalogue_updates)
  nestwalk_walker_test(${stem} one_slot four_slots ntlb pwc)
endforeach()
