# The program as it is started by a user, in a process of its own.
foreach(area bad_input experiment log record run trace wave)
  nestwalk_test(FILE cli_${area}_test.cpp LINKS nestwalk::workload nestwalk::observe nlohmann_json::nlohmann_json
                TIMEOUT 30)
  add_dependencies(cli_${area}_test nestwalk_program)
  target_compile_definitions(cli_${area}_test PRIVATE
                             NESTWALK_PROGRAM="$<TARGET_FILE:nestwalk_program>")
endforeach()
nestwalk_test(FILE cli_verdict_test.cpp SYSTEMC LINKS nestwalk::cli)
