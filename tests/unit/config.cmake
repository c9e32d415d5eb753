# Loader of configurations: reading, binding, and what is made from the descriptors.
nestwalk_test(FILE config_nearest_name_test.cpp LINKS nestwalk::params)
nestwalk_test(FILE config_scalar_test.cpp LINKS nestwalk::config)
nestwalk_test(FILE config_document_test.cpp LINKS nestwalk::config)
nestwalk_test(FILE config_binder_test.cpp LINKS nestwalk::config)
nestwalk_test(FILE config_resolved_test.cpp LINKS nestwalk::config)
nestwalk_test(FILE config_schema_test.cpp LINKS nestwalk::config)
nestwalk_test(FILE config_reference_test.cpp LINKS nestwalk::config)
nestwalk_test(FILE config_run_test.cpp LINKS nestwalk::config)
