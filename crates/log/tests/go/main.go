// Checks a transparency log that was downloaded into a directory, with Go's golang.org/x/mod/sumdb
// instead of anything of ours: the checkpoint's signature and cosignatures, every tile, every entry
// against the tiles, inclusion proofs, and consistency with earlier checkpoints.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o check-log main.go
//	./check-log -dir log -log KEY -witness KEY -quorum 1 -old earlier-checkpoint
//
// The directory is laid out as c2sp.org/tlog-tiles has it: checkpoint, tile/L/N, tile/entries/N.
// Debian has what it needs: golang-go and golang-golang-x-mod-dev.
package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A list is a flag that may be given more than once.
type list []string

func (l *list) String() string         { return strings.Join(*l, " ") }
func (l *list) Set(value string) error { *l = append(*l, value); return nil }

func main() {
	var witnesses, old list
	dir := flag.String("dir", "", "the log, as it was downloaded")
	key := flag.String("log", "", "the log's verifier key")
	quorum := flag.Int("quorum", 0, "witnesses of which there must be a cosignature")
	entries := flag.Int64("entries", 1000, "entries whose inclusion is proved, spread over the log")
	proofs := flag.String("proofs", "", "a file of proofs to compare: inclusion INDEX SIZE HASH..., consistency OLD NEW HASH...")
	flag.Var(&witnesses, "witness", "a witness's verifier key; may be repeated")
	flag.Var(&old, "old", "an earlier checkpoint, in a file; may be repeated")
	flag.Parse()
	said, err := check(*dir, *key, witnesses, *quorum, old, *entries, *proofs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "check-log:", err)
		os.Exit(1)
	}
	fmt.Println(said)
}

func check(dir, key string, witnesses []string, quorum int, old []string, entries int64, proofs string) (string, error) {
	tree, cosigned, err := open(filepath.Join(dir, "checkpoint"), key, witnesses)
	if err != nil {
		return "", err
	}
	if cosigned < quorum {
		return "", fmt.Errorf("%d witnesses have cosigned, not %d", cosigned, quorum)
	}
	files := &files{dir: dir, known: make(map[string][]byte)}
	hashes := tlog.TileHashReader(tree, files)
	if err := everyTile(tree, hashes); err != nil {
		return "", err
	}
	if err := everyEntry(tree, hashes, files); err != nil {
		return "", err
	}
	proved, err := inclusion(tree, hashes, entries)
	if err != nil {
		return "", err
	}
	for _, path := range old {
		earlier, _, err := open(path, key, witnesses)
		if err != nil {
			return "", err
		}
		if err := consistency(earlier, tree, hashes); err != nil {
			return "", fmt.Errorf("%s: %v", path, err)
		}
	}
	compared, err := compare(proofs, tree, hashes)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("ok: %d entries, %d witnesses, %d inclusion proofs, %d earlier checkpoints, %d proofs compared",
		tree.N, cosigned, proved, len(old), compared), nil
}

// A witness verifies cosignatures (c2sp.org/tlog-cosignature), which sumdb/note does not know.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(w.key, append([]byte(head), msg...), sig[8:])
}

func newWitness(vkey string) (*witness, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("%q is not a verifier key", vkey)
	}
	hash, err1 := strconv.ParseUint(parts[1], 16, 32)
	key, err2 := base64.StdEncoding.DecodeString(parts[2])
	if err1 != nil || err2 != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, fmt.Errorf("%q is not the verifier key of a witness", vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if uint32(hash) != binary.BigEndian.Uint32(sum[:]) {
		return nil, fmt.Errorf("%q has another key ID", vkey)
	}
	return &witness{name: parts[0], hash: uint32(hash), key: key[1:]}, nil
}

// open reads a checkpoint that the log has signed, and counts the witnesses that cosigned it.
func open(path, key string, witnesses []string) (tree tlog.Tree, cosigned int, err error) {
	log, err := note.NewVerifier(key)
	if err != nil {
		return tree, 0, err
	}
	known := []note.Verifier{log}
	for _, vkey := range witnesses {
		w, err := newWitness(vkey)
		if err != nil {
			return tree, 0, err
		}
		known = append(known, w)
	}
	bytes, err := os.ReadFile(path)
	if err != nil {
		return tree, 0, err
	}
	signed, err := note.Open(bytes, note.VerifierList(known...))
	if err != nil {
		return tree, 0, fmt.Errorf("%s: %v", path, err)
	}
	byLog := false
	for _, signature := range signed.Sigs {
		if signature.Name == log.Name() && signature.Hash == log.KeyHash() {
			byLog = true
		} else {
			cosigned++
		}
	}
	lines := strings.Split(signed.Text, "\n")
	if !byLog || len(lines) != 4 || lines[0] != log.Name() {
		return tree, 0, fmt.Errorf("%s: not a checkpoint of %s", path, log.Name())
	}
	// tlog reads the same three lines, with another origin.
	tree, err = tlog.ParseTree([]byte("go.sum database tree\n" + lines[1] + "\n" + lines[2] + "\n"))
	if err != nil {
		return tree, 0, fmt.Errorf("%s: %v", path, err)
	}
	return tree, cosigned, nil
}

// files reads tiles from a directory, by the paths of c2sp.org/tlog-tiles.
type files struct {
	dir   string
	known map[string][]byte
}

func (f *files) Height() int                         { return 8 }
func (f *files) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (f *files) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, tile := range tiles {
		bytes, err := f.read(fmt.Sprintf("tile/%d/", tile.L), tile.N, tile.W)
		if err != nil {
			return nil, err
		}
		if len(bytes) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(bytes))
		}
		data = append(data, bytes)
	}
	return data, nil
}

func (f *files) read(prefix string, n int64, width int) ([]byte, error) {
	index := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		index = fmt.Sprintf("x%03d/%s", n%1000, index)
	}
	path := prefix + index
	if width < 256 {
		path += fmt.Sprintf(".p/%d", width)
	}
	if bytes, ok := f.known[path]; ok {
		return bytes, nil
	}
	bytes, err := os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(path)))
	if err == nil {
		f.known[path] = bytes
	}
	return bytes, err
}

// everyTile reads all hashes of all tiles. Where they support the root, the reader says so; but the one
// of x/mod 0.7 leaves some full tiles out if others share a tile of the root's subtrees. So full tiles
// are compared with what stands above them, here.
func everyTile(tree tlog.Tree, hashes tlog.HashReader) error {
	var below []tlog.Hash
	for level := 0; level == 0 || len(below) > 0; level++ {
		var indexes []int64
		for n := int64(0); n < tree.N>>(8*level); n++ {
			indexes = append(indexes, tlog.StoredHashIndex(8*level, n))
		}
		found, err := hashes.ReadHashes(indexes)
		if err != nil {
			return fmt.Errorf("tiles of level %d: %v", level, err)
		}
		for n := range found {
			if level > 0 && found[n] != over(below[256*n:256*n+256]) {
				return fmt.Errorf("tile %d of level %d is not the one below level %d", n, level-1, level)
			}
		}
		below = found
	}
	return nil
}

// over is the root over the hashes of a full tile.
func over(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(over(hashes[:half]), over(hashes[half:]))
}

// everyEntry compares the entries of all bundles with the tree.
func everyEntry(tree tlog.Tree, hashes tlog.HashReader, files *files) error {
	for first := int64(0); first < tree.N; first += 256 {
		width := int64(256)
		if tree.N-first < width {
			width = tree.N - first
		}
		bytes, err := files.read("tile/entries/", first/256, int(width))
		if err != nil {
			return err
		}
		var indexes []int64
		var entries [][]byte
		for i := first; i < first+width; i++ {
			if len(bytes) < 2 || len(bytes) < 2+int(binary.BigEndian.Uint16(bytes)) {
				return fmt.Errorf("the bundle of entry %d ends too early", i)
			}
			end := 2 + int(binary.BigEndian.Uint16(bytes))
			entries, bytes = append(entries, bytes[2:end]), bytes[end:]
			indexes = append(indexes, tlog.StoredHashIndex(0, i))
		}
		if len(bytes) > 0 {
			return fmt.Errorf("the bundle of entry %d goes on after its last", first)
		}
		leaves, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, entry := range entries {
			if tlog.RecordHash(entry) != leaves[i] {
				return fmt.Errorf("entry %d is not the one in the tree", first+int64(i))
			}
		}
	}
	return nil
}

// inclusion proves as many entries, and verifies the proofs.
func inclusion(tree tlog.Tree, hashes tlog.HashReader, entries int64) (proved int64, err error) {
	if entries > tree.N {
		entries = tree.N
	}
	for ; proved < entries; proved++ {
		// The last entry is among them, and the first.
		index := proved
		if entries > 1 {
			index = proved * (tree.N - 1) / (entries - 1)
		}
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return proved, err
		}
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err != nil {
			return proved, err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf[0]); err != nil {
			return proved, fmt.Errorf("entry %d: %v", index, err)
		}
	}
	return proved, nil
}

// consistency proves that the earlier tree is the beginning of the tree.
func consistency(earlier, tree tlog.Tree, hashes tlog.HashReader) error {
	if earlier.N > tree.N {
		return fmt.Errorf("the earlier tree has %d entries, the later %d", earlier.N, tree.N)
	}
	if earlier.N == 0 {
		if earlier.Hash != tlog.Hash(sha256.Sum256(nil)) {
			return errors.New("an empty tree with another root")
		}
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, earlier.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, earlier.N, earlier.Hash)
}

// compare makes the proofs that a file has, and compares.
func compare(path string, tree tlog.Tree, hashes tlog.HashReader) (compared int, err error) {
	if path == "" {
		return 0, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for ; lines.Scan(); compared++ {
		words := strings.Fields(lines.Text())
		if len(words) < 3 {
			return compared, fmt.Errorf("%q is not a proof", lines.Text())
		}
		a, err1 := strconv.ParseInt(words[1], 10, 64)
		b, err2 := strconv.ParseInt(words[2], 10, 64)
		if err1 != nil || err2 != nil || b > tree.N {
			return compared, fmt.Errorf("%q is not a proof in a tree of %d", lines.Text(), tree.N)
		}
		var proof []tlog.Hash
		var err error
		if words[0] == "inclusion" {
			proof, err = tlog.ProveRecord(b, a, hashes)
		} else {
			proof, err = tlog.ProveTree(b, a, hashes)
		}
		if err != nil {
			return compared, err
		}
		made := words[:3:3]
		for _, hash := range proof {
			made = append(made, hash.String())
		}
		if strings.Join(made, " ") != strings.Join(words, " ") {
			return compared, fmt.Errorf("%v is to be %v", words, made)
		}
	}
	return compared, lines.Err()
}
