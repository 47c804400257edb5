// Package rootfs knows which files an image has: the tree that its layers make when
// they are put on top of each other, without the contents.
//
// What it promises:
//
//   - [Read] streams each layer once, from the bottom. Memory grows with the number
//     of files, never with their size.
//   - The tree is the one that engines with an overlay file system show: whiteouts
//     hide what lower layers have, a file replaces what was in its place, hard links
//     share what they link to, and a parent directory that a layer does not list is a
//     directory, whatever a lower layer has there.
//   - [Tree.Lookup] follows symbolic links as a kernel would inside of that root, and
//     never leaves it.
//   - A tar that means harm costs an error ([*MalformedError]), and neither memory
//     nor time without end.
//
// Contents are kept of the few small files that are asked for by path, such as
// /etc/passwd, and of larger ones what a function makes of them ([Keep]). It is not for extracting anything, and it knows neither devices nor
// extended attributes.
//
// Paths that it returns have no slash in front, as in a tar; paths that it takes may
// have one. The root is ".".
package rootfs
