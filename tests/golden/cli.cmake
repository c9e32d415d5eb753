nestwalk_test(FILE cli_statistics_test.cpp
              LINKS nestwalk::workload nlohmann_json::nlohmann_json TIMEOUT 30)
add_dependencies(cli_statistics_test nestwalk_program)
target_compile_definitions(cli_statistics_test PRIVATE
                           NESTWALK_PROGRAM="$<TARGET_FILE:nestwalk_program>")
