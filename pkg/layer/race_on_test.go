//go:build race

package layer_test

// bigSize is the size of a big layer in bytes: the race detector makes the
// compressor some thirty times slower.
const bigSize = 60 << 20
