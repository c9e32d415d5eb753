foreach(name boot fault unmap)
  nestwalk_test(FILE guest_${name}_test.cpp LINKS nestwalk::guest)
endforeach()
