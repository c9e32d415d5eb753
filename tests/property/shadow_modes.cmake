nestwalk_test(FILE shadow_modes_test.cpp LINKS nestwalk_shadow_bench TIMEOUT 60)
# Other guests of the same kind.
foreach(seed RANGE 80260601 80260620)
  add_test(NAME shadow_modes_nightly_${seed} COMMAND shadow_modes_test)
  set_tests_properties(shadow_modes_nightly_${seed} PROPERTIES
    ENVIRONMENT "NESTWALK_SEED=${seed}" LABELS "property;nightly" TIMEOUT 100)
endforeach()
