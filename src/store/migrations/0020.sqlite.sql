-- Calls that others have made and that a drop took over: their channels, by the PBX. A channel has one drop, whoever asks for another.
-- Programs of earlier versions see such a drop as one of a single call.
ALTER TABLE ordered_drops ADD COLUMN channel TEXT;
CREATE UNIQUE INDEX ordered_drops_by_channel ON ordered_drops (channel) WHERE channel IS NOT NULL;
