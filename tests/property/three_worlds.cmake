nestwalk_test(FILE three_worlds_test.cpp LINKS nestwalk_shadow_bench nestwalk::guest TIMEOUT 60)
# A million operations, in parts by seed.
foreach(seed RANGE 80260701 80260710)
  add_test(NAME three_worlds_nightly_${seed} COMMAND three_worlds_test)
  set_tests_properties(three_worlds_nightly_${seed} PROPERTIES
    ENVIRONMENT "NESTWALK_SEED=${seed};NESTWALK_OPERATIONS=100000" LABELS "property;nightly"
    TIMEOUT 600)
endforeach()
