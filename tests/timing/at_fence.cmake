nestwalk_test(FILE at_fence_test.cpp SYSTEMC LINKS nestwalk_at_fence TIMEOUT 60)
nestwalk_test(FILE at_fence_cores_test.cpp SYSTEMC LINKS nestwalk_at_fence TIMEOUT 60)
nestwalk_test(FILE at_fence_long_test.cpp SYSTEMC
              LINKS nestwalk_at_fence LABELS nightly TIMEOUT 900)
