nestwalk_test(FILE at_fence_random_test.cpp SYSTEMC LINKS nestwalk_at_fence TIMEOUT 60)
# Many more cases of the same.
foreach(index RANGE 5)
  add_test(NAME at_fence_random_nightly_${index}
           COMMAND at_fence_random_test --gtest_filter=*/${index})
  set_tests_properties(at_fence_random_nightly_${index} PROPERTIES
    ENVIRONMENT "NESTWALK_SEED=80260101;NESTWALK_CASES=100000" LABELS "property;nightly"
    TIMEOUT 900)
endforeach()
