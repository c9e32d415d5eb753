nestwalk_test(FILE nested_pager_random_test.cpp LINKS nestwalk::hypervisor)
