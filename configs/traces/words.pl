# Writes a text by rules, counts its words and their neighbours, and sorts them: hashes, lists,
# strings.
use strict;
use warnings;

my @syllables = qw(ba co du fe gi ho ju ka le mi no pu);

# A word of two or three syllables; the same few come far more often than others.
my $state = 12345;
sub word {
    $state = ($state * 1103515245 + 12345) & 0x7fffffff;
    my $rank = ($state >> 8) % (1 + ($state >> 20) % 1700);
    my $word = $syllables[$rank % 12] . $syllables[int($rank / 12) % 12];
    return $rank < 144 ? $word : $word . $syllables[int($rank / 144) % 12];
}

my $text = join(' ', map { word() } 1 .. 1700);
my (%count, %follows);
my $last = '';
for my $word (split / /, $text) {
    $count{$word}++;
    $follows{$last}{$word}++;
    $last = $word;
}

my @best = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
for my $word (@best[0 .. 4]) {
    my $next = $follows{$word};
    my ($favourite) = sort { $next->{$b} <=> $next->{$a} || $a cmp $b } keys %$next;
    print "$word $count{$word}, most often before $favourite\n";
}
(my $loud = $text) =~ tr/a-z/A-Z/;
$loud =~ s/BA(\w+)/<$1>/g;
print length($loud), "\n";
