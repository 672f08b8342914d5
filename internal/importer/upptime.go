package importer

func (b *builder) upptime(file File) error { return ErrNothing }
