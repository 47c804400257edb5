// Package spelling compares words as they were typed with words that are known, so
// that an error can name what was probably meant. It works on bytes: what it compares
// are names of flags and architectures.
package spelling

// Distance counts the letters that must be inserted, removed or replaced to turn a
// into b.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
