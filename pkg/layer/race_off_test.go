//go:build !race

package layer_test

// bigSize is the size of a big layer in bytes.
const bigSize = 300 << 20
