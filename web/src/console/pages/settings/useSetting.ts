// One setting: what it is now, and saving it.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { putSetting, readSettings } from '../../api/settings';
import { useConsole } from '../../app/context';

export function useSettings() {
  const { t, toast } = useConsole();
  const client = useQueryClient();
  const query = useQuery({ queryKey: ['settings'], queryFn: readSettings });
  const save = useMutation({
    mutationFn: async (changes: readonly { key: string; value: unknown; isPublic: boolean }[]) => {
      // One after the other: a refused one is named, and those before it are saved.
      for (const { key, value, isPublic } of changes) await putSetting(key, value, isPublic);
    },
    onSuccess: () => toast(t('common.saved')),
    onSettled: () => client.invalidateQueries({ queryKey: ['settings'] }),
  });
  return { query, save };
}
