nestwalk_test(FILE at_fence_test.cpp SYSTEMC LINKS nestwalk_at_fence)
