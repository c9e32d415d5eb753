nestwalk_test(FILE experiments_test.cpp LINKS nestwalk::workload LABELS long TIMEOUT 120)
add_dependencies(experiments_test nestwalk_program)
target_compile_definitions(experiments_test PRIVATE
                           NESTWALK_PROGRAM="$<TARGET_FILE:nestwalk_program>")
