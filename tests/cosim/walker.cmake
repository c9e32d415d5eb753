nestwalk_test(FILE rtl_walker_random_test.cpp
              LINKS nestwalk_walker_one_slot nestwalk_test_support TIMEOUT 60)
