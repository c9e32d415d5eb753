nestwalk_test(FILE oracle_test.cpp LINKS nestwalk_test_support)
nestwalk_test(FILE oracle_updates_test.cpp LINKS nestwalk_test_support)
    nestwalk_test(FILE oracle_faults_test.cpp LINKS nestwalk_test_support)
        nestwalk_test(FILE oracle_host_faults_test.cpp LINKS nestwalk_test_support)
