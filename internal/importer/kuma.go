package importer

func (b *builder) kuma(file File) error { return ErrNothing }
