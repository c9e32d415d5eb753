nestwalk_test(FILE guest_params_test.cpp LINKS nestwalk::params)
foreach(file guest_boot_test.cpp guest_fault_test.cpp guest_unmap_test.cpp guest_protect_test.cpp
             guest_break_test.cpp guest_fork_test.cpp guest_shootdown_test.cpp
             guest_sharing_test.cpp guest_random_test.cpp guest_low_memory_test.cpp guest_swap_test.cpp
             guest_reclaim_test.cpp guest_collapse_test.cpp guest_idle_test.cpp)
  nestwalk_test(FILE ${file} LINKS nestwalk::guest)
endforeach()
foreach(file hypervisor_fault_test.cpp hypervisor_vm_test.cpp hypervisor_dirty_log_test.cpp
             hypervisor_split_test.cpp hypervisor_ownership_test.cpp hypervisor_reclaim_test.cpp)
  nestwalk_test(FILE ${file} LINKS nestwalk::hypervisor nlohmann_json::nlohmann_json)
endforeach()
nestwalk_test(FILE checker_cover_test.cpp LINKS nestwalk::hypervisor nestwalk::lookup)
foreach(file checker_history_test.cpp checker_mistakes_test.cpp checker_vm_test.cpp)
  nestwalk_test(FILE ${file} LINKS nestwalk_checked_machine)
endforeach()
