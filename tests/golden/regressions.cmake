nestwalk_test(FILE regressions_test.cpp SYSTEMC LINKS nestwalk::cli nestwalk::workload
              nlohmann_json::nlohmann_json TIMEOUT 60)
nestwalk_test(FILE regressions_all_test.cpp LINKS nestwalk::workload LABELS long TIMEOUT 600)
foreach(name regressions regressions_all)
  add_dependencies(${name}_test nestwalk_program)
  target_compile_definitions(${name}_test PRIVATE
                             NESTWALK_PROGRAM="$<TARGET_FILE:nestwalk_program>")
endforeach()
