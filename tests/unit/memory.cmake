foreach(name sparse_memory frame_allocator frame_owner entry_builder table_builder watch)
  nestwalk_test(FILE memory_${name}_test.cpp LINKS nestwalk::memory)
endforeach()
