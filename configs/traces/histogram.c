// Counts how often each byte value occurs on standard input.
#include <stdio.h>

int main(void) {
  unsigned long counts[256] = {0};
  for (int c = getchar(); c != EOF; c = getchar()) ++counts[c];
  for (int value = 0; value < 256; ++value) {
    if (counts[value] != 0) printf("%3d %lu\n", value, counts[value]);
  }
  return 0;
}
