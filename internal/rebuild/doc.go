// Package rebuild prepares to build an image again from what its provenance tells, in
// order to see whether the same bytes come out. [New] checks that the provenance tells
// enough for it, and nothing that could do harm; a [Recipe] writes the configuration that
// means what the image was built with; [Checkout] fetches the commit; [Go] finds the
// toolchain; [Imgo] is another version of imgo, for images that this one would make
// differently.
//
// What it promises:
//
//   - The sources are those of the commit and nothing else: no file of the user's work
//     tree, no configuration that lies in the repository, no variable of the user's that
//     changes what is compiled ([Environment]).
//   - Fetching and checking out run no program of the repository's: no hooks, no filters,
//     no submodules. Only https, ssh and, for a clone that the user names, the file system
//     are spoken.
//   - Flags and variables that the provenance names are held to what a configuration file
//     may say (internal/goflag). Whoever signed it is trusted to tell the truth, not to run
//     programs here.
//   - What could not be taken over is said ([Recipe.Notes]), and what makes a rebuild
//     impossible is an error of a type of its own.
//
// It builds and compares nothing, and it does not verify the provenance: both is up to
// pkg/imgo.
package rebuild
