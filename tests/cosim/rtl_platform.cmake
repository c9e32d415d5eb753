# nestwalk_rtl_platform_test(STEM SETS...): SystemC on both sides of the sockets.
function(nestwalk_rtl_platform_test stem)
  nestwalk_test(FILE ${stem}_test.cpp SYSTEMC
                LINKS nestwalk_rtl_walker nestwalk_test_support nestwalk_timing_comparison
                      nestwalk::config
                TIMEOUT 60)
  list(TRANSFORM ARGN PREPEND nestwalk_walker_ OUTPUT_VARIABLE libraries)
  add_dependencies(${stem}_test ${libraries})
endfunction()
nestwalk_rtl_platform_test(rtl_timing_match one_slot four_slots one_slot_ntlb ntlb pwc guest_pwc)
nestwalk_rtl_platform_test(rtl_platform one_slot four_slots ntlb pwc)
nestwalk_rtl_platform_test(rtl_platform_watch one_slot)
