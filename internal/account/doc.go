// Package account settles what a user by name is in an image: who it is where the
// base knows it, and which lines make it known where the base does not.
//
// What it promises:
//
//   - It works on the contents of /etc/passwd and /etc/group alone, and gives the same
//     for the same: no clock, no machine, no random numbers.
//   - What the files held stays as it is, byte by byte, malformed lines and comments
//     included. Lines are only added, at the end.
//   - The result, put into the image, resolves to itself.
//   - No name and no directory can bring a second entry or field with it.
//
// It reads the files as the C library and container engines do (passwd(5), group(5)):
// of several lines with one name the first counts, and what is malformed is passed
// over. Users by number need none of it.
package account
