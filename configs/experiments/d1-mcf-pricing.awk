# Prints the accesses of the pricing loop of MCF, the network simplex program in SPEC CPU2006's 429.mcf, as a text
# trace of reads: where the program misses the TLB, without its arithmetic.
#   awk -f configs/experiments/d1-mcf-pricing.awk > pricing.txt
#   ./nestwalk trace import pricing.txt -o pricing.nwt
#   awk -v nodes=200000 -f ...      a larger network than 60000 nodes
#   awk -v fill=0 -f ...            without the filling: frames then come in the order of the loop
#
# What it follows: arcs are visited in 300 groups, so that neighbours in time are 1/300 of the array apart; the next
# round starts one arc further. Each arc names two nodes, taken at random here, of which one word is read. A 32-bit
# arc has 32 bytes, a node 56; there is room for 27,328,512 arcs. Both arrays are filled in order before.
# These numbers are those of the program's source text but for the nodes: more than 30,000 in a large network.
BEGIN {
  if (!nodes) nodes = 60000
  if (fill == "") fill = 1
  if (!arcs) arcs = 27328512
  if (!accesses) accesses = 2000000
  groups = 300; arc_bytes = 32; node_bytes = 56
  first_node = 536870912; first_arc = 1073741824  # 0x20000000, 0x40000000
  for (byte = 0; fill && byte < nodes * node_bytes; byte += 4096) read(first_node + byte)
  for (byte = 0; fill && byte < arcs * arc_bytes; byte += 4096) read(first_arc + byte)

  random = 1
  distance = int((arcs - 1) / groups) + 1
  for (position = int(distance / 3); made < accesses; position = (position + 1) % distance)
    for (arc = position; arc < arcs; arc += distance) {
      read(first_arc + arc * arc_bytes)
      read(a_node())
      read(a_node())
      made += 3
    }
}
function read(address) { printf "R 0x%x\n", address }
function a_node() {
  random = random * 16807 % 2147483647  # Lehmer's generator: the same in every awk
  return first_node + int(random / 2147483647 * nodes) * node_bytes
}
