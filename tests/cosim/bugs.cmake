# Wrong behaviours switched on in the RTL, each found by the regression.
nestwalk_test(FILE rtl_bug_zoo_test.cpp SYSTEMC LINKS nestwalk_cosim nestwalk_test_support TIMEOUT 60)
add_dependencies(rtl_bug_zoo_test nestwalk_walker_small+bugs nestwalk_walker_one_slot)
