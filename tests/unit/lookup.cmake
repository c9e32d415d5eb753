foreach(name replacement set_assoc_array tlb tlb_hierarchy tlb_policies translation_prefetcher walk_cache nested_tlb invalidation random)
  nestwalk_test(FILE lookup_${name}_test.cpp LINKS nestwalk::lookup)
endforeach()
