nestwalk_test(FILE configs_test.cpp SYSTEMC
              LINKS nestwalk::cli nestwalk::config nestwalk::params)
