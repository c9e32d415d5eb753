nestwalk_test(FILE config_bad_test.cpp LINKS nestwalk::config nestwalk::params)
