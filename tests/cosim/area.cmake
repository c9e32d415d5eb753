nestwalk_test(FILE rtl_area_test.cpp SYSTEMC LINKS nestwalk_area TIMEOUT 120)
