nestwalk_test(FILE rtl_entry_decode_test.cpp LINKS nestwalk_verilated_entry_decode nestwalk::walk)
foreach(stem rtl_walker_random rtl_walker_update rtl_walker_timing rtl_walker_protocol rtl_scoreboard)
  nestwalk_test(FILE ${stem}_test.cpp LINKS nestwalk_walker_one_slot nestwalk_test_support
                TIMEOUT 60)
endforeach()
nestwalk_test(FILE rtl_walker_slots_test.cpp LINKS nestwalk_walker_four_slots nestwalk_test_support
              TIMEOUT 60)
nestwalk_test(FILE rtl_walker_ntlb_test.cpp LINKS nestwalk_walker_ntlb nestwalk_test_support
              TIMEOUT 60)
