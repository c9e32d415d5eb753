# The subcommand of the bench, in this process and as a program.
nestwalk_test(FILE cosim_case_test.cpp SYSTEMC LINKS nestwalk_cosim TIMEOUT 60)
nestwalk_test(FILE code_coverage_test.cpp SYSTEMC LINKS nestwalk_cosim)
nestwalk_test(FILE cosim_command_test.cpp LINKS nestwalk::workload TIMEOUT 180)
add_dependencies(cosim_case_test nestwalk_walker_one_slot nestwalk_walker_four_slots
                 nestwalk_walker_ntlb
                 nestwalk_walker_pwc_per_level)
add_dependencies(cosim_command_test nestwalk_program nestwalk_walker_one_slot
                 nestwalk_walker_four_slots nestwalk_walker_ntlb
                 nestwalk_walker_pwc_per_level)
target_compile_definitions(cosim_command_test PRIVATE
                           NESTWALK_PROGRAM="$<TARGET_FILE:nestwalk_program>")
