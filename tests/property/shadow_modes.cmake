nestwalk_test(FILE shadow_modes_test.cpp LINKS nestwalk_shadow_bench TIMEOUT 60)
