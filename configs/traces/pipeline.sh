# A shell that starts programs: a pipeline, a subshell, a program in its own place.
printf 'walnut\nchestnut\nhazelnut\n' | tr a-z A-Z | sort
(cd / && echo "in $PWD")
exec true
